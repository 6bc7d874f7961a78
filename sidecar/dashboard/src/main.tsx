import { render } from "preact";
import { App } from "./app";
import { startLive } from "./lib/live";
import "./lib/theme";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/parts.css";
import "./styles/json.css";
import "./styles/matviews.css";
import "./styles/overview.css";
import "./styles/form.css";
import "./styles/jobs.css";
import "./styles/job.css";
import "./styles/schedules.css";

startLive();
render(<App />, document.getElementById("app") as HTMLElement);
