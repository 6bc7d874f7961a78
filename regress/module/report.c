/*
 * What a handler reports to a process outside PostgreSQL, over a unix socket: that its job begins, and that it has ended.
 * Each is answered before the handler goes on, so whoever counts has heard of one before anything that comes of it. A
 * socket that is closed is an end too: a transaction that aborts closes it, and so does whatever ends the process.
 */
#include "postgres.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(ayb_jobs_test_report_begin);
PG_FUNCTION_INFO_V1(ayb_jobs_test_report_end);

static int	reported = -1;

static void
hang_up(void)
{
	if (reported >= 0)
		close(reported);
	reported = -1;
}

static void
at_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT)
		hang_up();
}

static void
at_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		hang_up();
}

/* Before ayb_jobs hears of the end of the process, as it is called before what was set up earlier. */
static void
at_exit(int code, Datum arg)
{
	hang_up();
}

static void
watch_ends(void)
{
	static bool watched = false;

	if (watched)
		return;
	RegisterXactCallback(at_transaction, NULL);
	RegisterSubXactCallback(at_subtransaction, NULL);
	before_shmem_exit(at_exit, (Datum) 0);
	watched = true;
}

/* Sends the line, and waits for a byte. */
static void
say(const char *line)
{
	struct pollfd answer = {.fd = reported, .events = POLLIN};
	char		byte;

	if (send(reported, line, strlen(line), MSG_NOSIGNAL) != (ssize_t) strlen(line))
		elog(ERROR, "nobody hears what is reported: %m");
	while (poll(&answer, 1, 100) <= 0)
		CHECK_FOR_INTERRUPTS();
	if (recv(reported, &byte, 1, 0) != 1)
		elog(ERROR, "nobody answers what is reported");
}

Datum
ayb_jobs_test_report_begin(PG_FUNCTION_ARGS)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char	   *line = psprintf("%s\n", text_to_cstring(PG_GETARG_TEXT_PP(1)));

	watch_ends();
	hang_up();
	strlcpy(address.sun_path, text_to_cstring(PG_GETARG_TEXT_PP(0)), sizeof(address.sun_path));
	reported = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (reported < 0 || connect(reported, (struct sockaddr *) &address, sizeof(address)) != 0)
		elog(ERROR, "nobody counts at %s: %m", address.sun_path);
	say(line);
	PG_RETURN_VOID();
}

Datum
ayb_jobs_test_report_end(PG_FUNCTION_ARGS)
{
	if (reported >= 0)
		say("end\n");
	hang_up();
	PG_RETURN_VOID();
}
