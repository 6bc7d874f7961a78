import { render } from "preact";
import { App } from "./app";
import { startLive } from "./lib/live";
import { startMe } from "./lib/me";

startLive();
startMe();
render(<App />, document.getElementById("app") as HTMLElement);
