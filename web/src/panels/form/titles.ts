import { groupTitle, translate } from "@/i18n";

/** Return the title of a part of the form in the chosen language. */
export function sectionTitle(name: string): string {
  return name === "Sampler" ? translate("form.section.sampler") : groupTitle(name);
}
