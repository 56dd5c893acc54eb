/** English texts: notice. */
export const notice = {};
