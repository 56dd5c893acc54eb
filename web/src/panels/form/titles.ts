import { i18n } from "@/i18n";

/** Return the title of a part of the form in the chosen language. */
export function sectionTitle(name: string): string {
  const key = `group.${name}`;
  if (i18n.global.te(key)) return i18n.global.t(key);
  return name === "Sampler" ? i18n.global.t("form.section.sampler") : name;
}
