import { resultActionTexts } from "./results";
import { stageActionTexts } from "./stage";

/** 中文：操作的名称，按范围与动词。 */
export const action = {
  ...resultActionTexts,
  ...stageActionTexts,
  file: {
    open: "打开图片…",
    paste: "粘贴图片",
    blank: "空白画布…",
    example: "打开示例",
    parameters: "读取图片的参数…",
    addLayer: "添加图片为图层…",
    close: "关闭图片",
  },
  generate: {
    start: "生成",
    front: "优先生成（插到队首）",
    forever: "无限生成",
    skip: "跳过这张图片",
    interrupt: "中止",
    hold: "暂停队列",
    randomSeed: "随机种子",
    networks: "附加网络…",
  },
  help: {
    palette: "命令",
    shortcuts: "快捷键",
    tour: "显示导览",
    settings: "设置…",
    fields: "选择表单中的参数…",
    theme: "浅色或深色",
  },
};
