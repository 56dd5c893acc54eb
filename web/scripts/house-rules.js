/**
 * The house rules of the page that no linter knows, as an ESLint plugin: which room may import what, names of modules,
 * comments on exported names. See CONTRIBUTING.md.
 */
import path from "node:path";

const VIEWS = new Set(["panels", "shell", "stage", "dialogs"]);
const BELOW_VIEWS = new Set(["api", "shared", "state", "i18n"]);
const BANNED = new Set(["utils", "util", "helpers", "common", "misc", "manager", "base"]);

/** The path of a module inside src, in parts: ["canvas", "tools", "brush"]; null if it is not there. */
function placeOf(file, source) {
  const normal = file.split(path.sep).join("/");
  const at = normal.lastIndexOf("/src/");
  if (at < 0) return null;
  const root = normal.slice(0, at + 4);
  let target = normal;
  if (source !== undefined) {
    if (source.startsWith("@/")) target = path.posix.join(root, source.slice(2));
    else if (source.startsWith(".")) target = path.posix.join(path.posix.dirname(normal), source);
    else return null;
  }
  if (!target.startsWith(`${root}/`)) return ["..", target];
  return target.slice(root.length + 1).split("/");
}

/** The room of a module and what comes behind its door; every folder of src/panels is a room of its own. */
function roomOf(parts) {
  const length = parts[0] === "panels" && parts.length > 1 ? 2 : 1;
  return { house: parts[0], room: parts.slice(0, length).join("/"), rest: parts.slice(length) };
}

/** Why a module of one room may not import another one; null if it may. */
function refusal(from, to, source) {
  const here = roomOf(from);
  if (here.house === "canvas") {
    return to !== null && to[0] === "canvas" ? null : "the canvas imports nothing from outside src/canvas";
  }
  if (to === null) return null;
  const there = roomOf(to);
  const door = there.rest.length === 0 || (there.rest.length === 1 && /^index(\.ts)?$/.test(there.rest[0]));
  if (there.house === "canvas" && !door) return "the canvas's door is src/canvas/index";
  if (!VIEWS.has(there.house)) return null;
  if (BELOW_VIEWS.has(here.house)) return `src/${here.room} lies below src/${there.room} and does not know it`;
  // The shell is the frame around all the others.
  if (VIEWS.has(here.house) && here.house !== "shell" && here.room !== there.room && !door) {
    return `src/${here.room} reaches src/${there.room} through src/state, src/actions or its index ("${source}" is inside)`;
  }
  return null;
}

const rooms = {
  meta: { type: "problem", schema: [], messages: { room: "{{why}}" } },
  create(context) {
    const from = placeOf(context.filename);
    if (from === null) return {};
    const check = (node) => {
      const source = node.source;
      if (!source || typeof source.value !== "string") return;
      const why = refusal(from, placeOf(context.filename, source.value), source.value);
      if (why !== null) context.report({ node: source, messageId: "room", data: { why } });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};

const names = {
  meta: { type: "problem", schema: [], messages: { name: "{{name}}: a module is named for what it holds" } },
  create(context) {
    const parts = placeOf(context.filename) ?? [path.basename(context.filename)];
    const bad = parts.map((part) => part.replace(/\..*$/, "").toLowerCase()).find((part) => BANNED.has(part));
    if (bad === undefined) return {};
    return { Program: (node) => context.report({ node, messageId: "name", data: { name: bad } }) };
  },
};

const documented = {
  meta: { type: "suggestion", schema: [], messages: { bare: "an exported name says in a JSDoc comment what it is" } },
  create(context) {
    return {
      ExportNamedDeclaration(node) {
        if (!node.declaration || node.declaration.type === "TSDeclareFunction") return;
        const comment = context.sourceCode.getCommentsBefore(node).at(-1);
        const isDoc = comment?.type === "Block" && comment.value.startsWith("*");
        if (!isDoc) context.report({ node: node.declaration.id ?? node, messageId: "bare" });
      },
    };
  },
};

/** The plugin, for eslint.config.js. */
export const house = { rules: { rooms, names, documented } };
