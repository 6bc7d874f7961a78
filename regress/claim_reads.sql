-- What a claim reads of the queue: in buffers, and in looks into its indexes. One job of type `out` and key `one` at a time is
-- claimed, and completed.
CREATE FUNCTION looks() RETURNS bigint LANGUAGE sql AS $$
    SELECT sum(pg_stat_get_xact_numscans(indexrelid)) FROM pg_index WHERE indrelid = 'ayb_jobs.job_queue'::regclass $$;
CREATE TABLE reads (buffers integer, looks bigint);
CREATE PROCEDURE claims(n integer) LANGUAGE plpgsql AS $$
DECLARE
    plan json;
    before bigint;
    mine integer;
BEGIN
    TRUNCATE reads;
    FOR i IN 1 .. n LOOP
        PERFORM ayb_jobs.enqueue('out', partition_key => 'one');
        COMMIT;
        before := looks();
        EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT FROM ayb_jobs.claim(''me'', ''{out}'', 1)' INTO plan;
        INSERT INTO reads VALUES ((plan #>> '{0,Plan,Shared Hit Blocks}')::integer + (plan #>> '{0,Plan,Shared Read Blocks}')::integer, looks() - before);
        COMMIT;
        PERFORM ayb_jobs.complete(id, worker_id, runs) FROM ayb_jobs.job_queue WHERE worker_id = 'me';
        GET DIAGNOSTICS mine = ROW_COUNT;
        ASSERT mine = 1, 'its turn has come at once';
        COMMIT;
    END LOOP;
END $$;
