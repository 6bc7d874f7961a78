// What a job's attempts have said by add_log(). Where nothing was said there is no panel.
import { api, type Job } from "../../lib/api";
import { useQuery } from "../../lib/query";
import { Ago, Panel } from "../../ui/parts";

export function Log({ job }: { job: Job }) {
    const log = useQuery(`log ${job.id}`, signal => api.jobs.log(job.id, signal), {
        live: event => event.jobId === job.id,
        throttle: 300,
    });
    if (!log.data || log.data.count === 0) return null;
    return (
        <Panel title="Log" flush>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it may scroll, so the keyboard has to reach it */}
            <ol class="log" tabIndex={0}>
                {log.data.items.map((line, n) => (
                    <li key={n}>
                        <span class="log-facts muted">
                            Attempt {line.attempt} · {line.level} · <Ago at={line.at} />
                        </span>
                        <bdi>{line.message}</bdi>
                    </li>
                ))}
            </ol>
        </Panel>
    );
}
