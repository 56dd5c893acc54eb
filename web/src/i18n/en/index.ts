import { action } from "./action";
import { batch } from "./batch";
import { canvas } from "./canvas";
import { dialog } from "./dialog";
import { form } from "./form";
import { layers } from "./layers";
import { networks } from "./networks";
import { notice } from "./notice";
import { queue } from "./queue";
import { results } from "./results";
import { shell } from "./shell";
import { stage } from "./stage";

/** Every text of the page in English, by area. */
export const en = { action, batch, canvas, dialog, form, layers, networks, notice, queue, results, shell, stage };
