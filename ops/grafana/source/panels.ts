// The kinds of panels that the dashboard is made of.
import { BigValueColorMode, GraphDrawStyle, StackingMode } from "@grafana/grafana-foundation-sdk/common";
import * as common from "@grafana/grafana-foundation-sdk/common";
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import * as prometheus from "@grafana/grafana-foundation-sdk/prometheus";
import * as stat from "@grafana/grafana-foundation-sdk/stat";
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";

export const SOURCE: common.DataSourceRef = { type: "prometheus", uid: "${source}" };

// A query and what its lines are called: {{label}} stands for a label's value.
export interface Query {
    expr: string;
    legend: string;
}

const targets = (queries: Query[]): prometheus.DataqueryBuilder[] =>
    queries.map(({ expr, legend }, i) =>
        new prometheus.DataqueryBuilder()
            .refId(String.fromCharCode(65 + i))
            .datasource(SOURCE)
            .expr(expr)
            .legendFormat(legend),
    );

interface Looks {
    unit?: string;
    description?: string;
    stacked?: boolean;
}

// Lines over time; a third of the width.
export const lines = (title: string, queries: Query[], looks: Looks = {}): timeseries.PanelBuilder => {
    const panel = new timeseries.PanelBuilder()
        .title(title)
        .datasource(SOURCE)
        .targets(targets(queries))
        .unit(looks.unit ?? "short")
        .min(0)
        .height(8)
        .span(8)
        .drawStyle(GraphDrawStyle.Line)
        .fillOpacity(looks.stacked ? 40 : 8);
    if (looks.description) panel.description(looks.description);
    if (looks.stacked) panel.stacking(new common.StackingConfigBuilder().mode(StackingMode.Normal));
    return panel;
};

// A value that turns from green to the color of the last step that it has come to.
export const value = (
    title: string,
    query: Query,
    steps: { from: number; color: string }[],
    looks: Looks = {},
): stat.PanelBuilder =>
    new stat.PanelBuilder()
        .title(title)
        .datasource(SOURCE)
        .targets(targets([query]))
        .unit(looks.unit ?? "short")
        .height(4)
        .span(6)
        .colorMode(BigValueColorMode.Background)
        .thresholds(
            new dashboard.ThresholdsConfigBuilder()
                .mode(dashboard.ThresholdsMode.Absolute)
                .steps([
                    { value: null, color: "green" },
                    ...steps.map(({ from, color }) => ({ value: from, color })),
                ]),
        );
