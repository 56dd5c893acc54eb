import { createApp } from "vue";
import App from "./App.vue";
import { i18n } from "./i18n";
import { start } from "./start";
import "./styles/tokens.css";
import "./styles/base.css";

start();
createApp(App).use(i18n).mount("#app");
