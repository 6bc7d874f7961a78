// What is there at first: the styles, the colours, and the frame of index.html. All else begins once that is painted.
import { markTheme } from "./lib/shade";
import "uplot/dist/uPlot.min.css";
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
import "./styles/flows.css";

markTheme();

const LONGEST_MS = 100; // in a tab that nobody sees nothing is painted

let begun = false;
function begin(): void {
    if (begun) return;
    begun = true;
    void import("./start");
}
requestAnimationFrame(() => window.setTimeout(begin));
window.setTimeout(begin, LONGEST_MS);
