/** English texts: layers. */
export const layers = {};
