/** English texts: batch. */
export const batch = {};
