import { resultActionTexts } from "./results";
import { stageActionTexts } from "./stage";

/** 日本語：操作の名前（範囲と動詞ごと）。 */
export const action = {
  ...resultActionTexts,
  ...stageActionTexts,
  file: {
    open: "画像を開く…",
    paste: "画像を貼り付け",
    blank: "空のキャンバス…",
    example: "サンプルを開く",
    parameters: "画像のパラメータを読み取る…",
    addLayer: "画像をレイヤーとして追加…",
    close: "画像を閉じる",
  },
  generate: {
    start: "生成",
    front: "次に生成（キューの先頭）",
    forever: "生成し続ける",
    skip: "この画像をスキップ",
    interrupt: "中断",
    hold: "キューを一時停止",
    randomSeed: "ランダムシード",
    networks: "追加ネットワーク…",
  },
  help: {
    palette: "コマンド",
    shortcuts: "ショートカット",
    tour: "ツアーを表示",
    settings: "設定…",
    fields: "フォームの項目を選ぶ…",
    theme: "ライト / ダーク",
  },
};
