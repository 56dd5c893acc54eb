/** English texts: action. */
export const action = {};
