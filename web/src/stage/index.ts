/** What other rooms may use of the stage. */
export { addBatchFiles, batchList, clearBatch, removeBatchRow, setBatchMasks } from "./batchList";
export type { BatchRow } from "./batchList";
export { canvasFact, useCanvas } from "./canvasFacts";
export { loadMaskFrom } from "./filePicking";
export { filesOf } from "./folders";
export { maskEverything } from "./maskShapes";
export { MODE_RULES, usesMask } from "./modeRules";
export { pickFromScreen } from "./screenColor";
export { TOOLS } from "./toolTable";
export { fitStage, zoomBy, zoomTo } from "./zooming";
