/** English texts: stage. */
export const stage = {};
