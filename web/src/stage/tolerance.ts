import { ref } from "vue";

/** How far colors may differ for fill, 0..1; the canvas takes it but does not tell it. */
export const tolerance = ref(0.15);
