/** English texts: canvas. */
export const canvas = {};
