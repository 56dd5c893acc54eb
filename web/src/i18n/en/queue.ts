/** English texts: queue. */
export const queue = {};
