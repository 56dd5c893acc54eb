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

/** 中文：页面的全部文字，按范围；`field` 与 `group` 代替服务器的英文名称。 */
export const texts = { action, batch, canvas, dialog, field, form, group, layers, networks, notice, queue, results, shell, stage };
