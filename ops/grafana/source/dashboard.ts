// Prints the dashboard, as Grafana imports it.
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import { lines, SOURCE, value } from "./panels";
import * as q from "./queries";

const variable = (name: string, label: string, query: string): dashboard.QueryVariableBuilder =>
    new dashboard.QueryVariableBuilder(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
        .sort(dashboard.VariableSort.AlphabeticalAsc)
        .multi(true)
        .includeAll(true)
        .allValue(".*")
        .current({ text: "All", value: "$__all" });

const row = (title: string): dashboard.RowBuilder => new dashboard.RowBuilder(title);

const page = new dashboard.DashboardBuilder("ayb_jobs")
    .uid("ayb-jobs")
    .description("Background jobs inside PostgreSQL, by the metrics of ayb-jobs serve.")
    .tags(["ayb_jobs", "postgresql"])
    .timezone("browser")
    .time({ from: "now-1h", to: "now" })
    .refresh("30s")
    .withVariable(new dashboard.DatasourceVariableBuilder("source").label("Source").type("prometheus"))
    .withVariable(variable("database", "Database", "label_values(ayb_jobs_up, database)"))
    .withVariable(
        variable("type", "Type", 'label_values(ayb_jobs_attempts_total{database=~"$database"}, type)'),
    )

    .withRow(row("Now"))
    .withPanel(
        value("Unreachable", { expr: `1 - ${q.gauge("ayb_jobs_up")}`, legend: "{{database}}" }, [{ from: 1, color: "red" }], {
            unit: "bool_yes_no",
        }),
    )
    .withPanel(
        value(
            "Worst check of health()",
            { expr: `max by (database) (${q.gauge("ayb_jobs_health", "name")})`, legend: "{{database}}" },
            [
                { from: 1, color: "orange" },
                { from: 2, color: "red" },
            ],
        ),
    )
    .withPanel(
        value(
            "Oldest due job has waited",
            { expr: q.gauge("ayb_jobs_oldest_due_seconds"), legend: "{{database}}" },
            [
                { from: 60, color: "orange" },
                { from: 300, color: "red" },
            ],
            { unit: "s" },
        ),
    )
    .withPanel(
        value(
            "Versions",
            {
                expr: q.gauge("ayb_jobs_build_info", "extension", "postgresql"),
                legend: "{{database}}: {{extension}} on PostgreSQL {{postgresql}}",
            },
            [],
        ),
    )

    .withRow(row("Jobs"))
    .withPanel(
        lines("Open jobs by phase", [
            {
                expr: q.openJobs,
                legend: "{{database}} {{phase}}",
            },
        ], { stacked: true }),
    )
    .withPanel(
        lines("Attempts by outcome", [{ expr: q.attempts("outcome"), legend: "{{database}} {{outcome}}" }], {
            unit: "ops",
            stacked: true,
        }),
    )
    .withPanel(
        lines("Attempts by type", [{ expr: q.attempts("type"), legend: "{{database}} {{type}}" }], {
            unit: "ops",
            stacked: true,
        }),
    )
    .withPanel(
        lines(
            "From due to started",
            [0.5, 0.95, 0.99].map(which => ({
                expr: q.quantile(which, "ayb_jobs_wait_seconds"),
                legend: `{{database}} p${which * 100}`,
            })),
            { unit: "s", description: "If it rises and running times don't, there are too few workers." },
        ),
    )
    .withPanel(
        lines(
            "Running, the slowest twentieth",
            [{ expr: q.quantile(0.95, "ayb_jobs_run_seconds", "type"), legend: "{{database}} {{type}}" }],
            { unit: "s" },
        ),
    )
    .withPanel(
        lines("Running, on average", [{ expr: q.mean("ayb_jobs_run_seconds"), legend: "{{database}} {{type}}" }], {
            unit: "s",
        }),
    )

    .withRow(row("Workers and limits"))
    .withPanel(
        lines("Workers", [
            { expr: q.gauge("ayb_jobs_workers", "state"), legend: "{{database}} {{state}}" },
            { expr: q.gauge("ayb_jobs_workers_limit"), legend: "{{database}} limit" },
        ]),
    )
    .withPanel(
        lines("Workers at work, by type", [{ expr: q.work("ayb_jobs_run_seconds"), legend: "{{database}} {{type}}" }], {
            stacked: true,
            description: "Seconds of work a second: as many workers a type keeps busy.",
        }),
    )
    .withPanel(
        lines("Limits", [
            { expr: q.ofTypes("ayb_jobs_limit_used", "kind"), legend: "{{database}} {{type}} {{kind}}" },
            { expr: q.ofTypes("ayb_jobs_limit", "kind"), legend: "{{database}} {{type}} {{kind}}: limit" },
            { expr: q.ofTypes("ayb_jobs_limit_waiting"), legend: "{{database}} {{type}} waiting" },
        ]),
    )

    .withRow(row("Schedules, views, health"))
    .withPanel(
        lines("Schedules: since the last success", [
            { expr: q.since("ayb_jobs_schedule_last_success_timestamp_seconds", "schedule"), legend: "{{database}} {{schedule}}" },
        ], { unit: "s" }),
    )
    .withPanel(
        lines("Schedules that fail", [
            { expr: q.gauge("ayb_jobs_schedule_failing", "schedule"), legend: "{{database}} {{schedule}}" },
        ]),
    )
    .withPanel(
        lines("Materialized views: since the last refresh", [
            { expr: q.since("ayb_jobs_matview_last_success_timestamp_seconds", "view"), legend: "{{database}} {{view}}" },
        ], { unit: "s" }),
    )

    .withRow(row("Sidecars"))
    .withPanel(lines("Requests", [{ expr: q.requests, legend: "{{code}}" }], { unit: "reqps", stacked: true }))
    .withPanel(
        lines(
            "Answered within",
            [0.5, 0.95].map(which => ({ expr: q.requestQuantile(which), legend: `p${which * 100}` })),
            { unit: "s" },
        ),
    )
    .withPanel(
        lines("Clients and sessions", [
            { expr: q.ofSidecars("ayb_jobs_http_connections", "instance"), legend: "{{instance}} clients" },
            { expr: q.ofSidecars("ayb_jobs_http_listeners", "instance"), legend: "{{instance}} listeners" },
            { expr: q.ofSidecars("ayb_jobs_realtime_listeners", "instance"), legend: "{{instance}} streams" },
            {
                expr: q.ofSidecars("ayb_jobs_database_connections", "instance, database"),
                legend: "{{instance}} {{database}} sessions",
            },
            {
                expr: q.ofSidecars("ayb_jobs_database_connections_busy", "instance, database"),
                legend: "{{instance}} {{database}} lent sessions",
            },
        ]),
    )
    .withPanel(lines("Changes sent a second", [{ expr: q.changes, legend: "{{instance}}" }]));

process.stdout.write(`${JSON.stringify(page.build(), null, 2)}\n`);
