/** English texts: results. */
export const results = {};
