// What came of a schedule's last jobs.
import { api, type BriefJob, type List, type Schedule } from "../../lib/api";
import { type Query, useQuery } from "../../lib/query";

/** The newest ten jobs of a schedule, which are asked for anew when one of its type begins or ends. */
export function useRuns({ id, jobType }: Schedule): Query<List<BriefJob>> {
    return useQuery(`runs of ${id}`, signal => api.schedules.runs(id, signal), {
        live: event => event.type === jobType,
        throttle: 1000,
    });
}

export const failedWords = (number: number): string =>
    number === 1 ? "Its last job failed" : `Its last ${number} jobs failed`;
