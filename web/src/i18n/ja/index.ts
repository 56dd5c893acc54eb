import { action } from "./action";
import { batch } from "./batch";
import { canvas } from "./canvas";
import { dialog } from "./dialog";
import { field, group } from "./field";
import { form } from "./form";
import { layers } from "./layers";
import { networks } from "./networks";
import { notice } from "./notice";
import { queue } from "./queue";
import { results } from "./results";
import { shell } from "./shell";
import { stage } from "./stage";

/** 日本語：ページのすべての文字列（範囲別）。`field` と `group` はサーバーの英語名の代わり。 */
export const texts = { action, batch, canvas, dialog, field, form, group, layers, networks, notice, queue, results, shell, stage };
