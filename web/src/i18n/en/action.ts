import { resultActionTexts } from "./results";
import { stageActionTexts } from "./stage";

/** English texts: names of actions, by area and verb. */
export const action = {
  ...resultActionTexts,
  ...stageActionTexts,
  file: {
    open: "Open a picture…",
    paste: "Paste a picture",
    blank: "Blank canvas…",
    example: "Open the example",
    parameters: "Read a picture's parameters…",
    addLayer: "Add a picture as layer…",
    close: "Close the picture",
  },
  generate: {
    start: "Generate",
    front: "Generate next (front of the queue)",
    forever: "Generate forever",
    skip: "Skip this picture",
    interrupt: "Interrupt",
    hold: "Pause the queue",
    randomSeed: "Random seed",
    networks: "Networks…",
  },
  help: {
    palette: "Commands",
    shortcuts: "Shortcuts",
    tour: "Show the tour",
    settings: "Settings…",
    fields: "Choose fields of the form…",
    theme: "Light or dark",
  },
};
