/** English texts: form. */
export const form = {};
