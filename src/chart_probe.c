/*-------------------------------------------------------------------------
 *
 * chart_probe.c
 *	  A chart of what one question needs, by index.
 *
 * Who supervises a node, its chain of command, a small subtree: for these an
 * index on iom_line tells more cheaply than compiling everything.  The rows
 * found are compiled to a chart like any other, which has the nodes of a
 * ChartScope only; the functions that ask do not see the difference.
 *
 * How long that pays nobody knows in advance.  So it is done until it has cost
 * as much as compiling would have, in the present state of the hierarchy; then
 * it is compiled.  Whatever is asked, that costs at most twice as much as the
 * better of the two (the ski rental problem: Karlin, Manasse, Rudolph and
 * Sleator, "Competitive snoopy caching", 1988).  A new state begins a new
 * account: changes and questions in turn never compile a large organisation.
 * Where a state is not settled each question has an account of its own, since
 * no chart of it could be kept.
 *
 * A line lies within the life of both its ends: so say the guards.  So where a
 * line tells that a unit is there, that is not looked up, unless its position is
 * asked for, or the guards may not have spoken yet (constraints are deferred, or a
 * statement is running).  On a new connection nearly all of a probe's cost is the
 * pages that it is the first to touch, and this halves them.
 *
 * What is found to be unsound (two solid lines, a unit that is missing, a way
 * that does not end within the allowance) is left to the compiler, which says
 * what is wrong.  What lies apart from the question is not looked at.
 *
 * Memory: as in chart_compile.c.  The tables and indexes are locked while they
 * are read.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "chart_compile.h"
#include "chart_guess.h"
#include "org_seek.h"
#include "org_unseen.h"

/*
 * Compiling so many rows takes as long as one probe, roughly; so many probes
 * are to be had for what each question costs besides.
 */
#define ROWS_A_PROBE	12
#define PROBES_A_WALK	2

/* With fewer probes than this, the chart is compiled at once; or, by the
 * planner, once it knows that a set is not small. */
#define FEW_PROBES		16
#define FEW_FOR_PLANNER	2048

#define AUTOMATIC		(-1)

static int	probe_limit = AUTOMATIC;

/* So many questions that were refused are remembered of one state: a query may
 * have several, and the planner comes back to each of them. */
#define QUESTIONS		16

typedef struct Question
{
	ChartScope	scope;
	int64		day;
	uint32		refused;		/* it takes more probes than that, which ... */
	uint32		found;			/* ... found so many nodes */
	double		guess;			/* how many it has; 0: not guessed */
	size_t		of;				/* ... when there were so many units, by ANALYZE */
} Question;

/*
 * What probes have cost in one state.
 */
typedef struct Account
{
	HierarchyState state;
	double		rows;			/* that would be compiled */
	uint32		spent;			/* probes */
	Question	question[QUESTIONS];
	int			next_question;
} Account;

/* Of the states asked for last; several for cursors with snapshots of their
 * own. */
static Account accounts[8];
static int	next_account = 0;

typedef struct ProbedNode
{
	IomNode		node;
	IomNode		supervisor;		/* IOM_NODE_NONE: none, or not asked for */
	int32		position;
	uint32		depth;			/* below the node that a descent began with */
} ProbedNode;

typedef struct Walk
{
	ChartDraft	draft;
	Snapshot	snapshot;
	Relation	unit;
	Relation	line;
	OrgSeek    *seek[LINE_BY_SUPERVISOR + 1];
	bool		guarded;		/* lines tell that their ends are there */
	uint32		left;			/* probes */
	ProbedNode *found;
	uint32		nfound;
	uint32		room;
} Walk;

/*
 * Define the setting; called once, by _PG_init().
 */
void
chart_probe_define_setting(void)
{
	DefineCustomIntVariable("iomorg.probe_limit",
							"Index probes after which the chart is compiled.",
							"-1 means as many as cost what compiling costs; "
							"0 compiles at once.",
							&probe_limit,
							AUTOMATIC,
							AUTOMATIC,
							PG_INT32_MAX,
							PGC_USERSET,
							0,
							NULL,
							NULL,
							NULL);
}

/*----------
 * Accounts
 *----------
 */

/*
 * The account that a state has already, or NULL.
 */
static Account *
known_account(const HierarchyState *state)
{
	for (int i = 0; i < (int) lengthof(accounts); i++)
	{
		if (hierarchy_state_equal(&accounts[i].state, state))
			return &accounts[i];
	}
	return NULL;
}

/*
 * The account of a state.
 */
static Account *
find_account(const HierarchyState *state, Relation unit, Relation line)
{
	static Account unsettled;
	Account    *account = known_account(state);

	if (account != NULL)
		return account;
	account = &unsettled;
	if (state->settled)
	{
		account = &accounts[next_account];
		next_account = (next_account + 1) % lengthof(accounts);
	}
	account->state = *state;
	account->rows = (double) org_expected_rows(unit) +
		(double) org_expected_rows(line);
	account->spent = 0;
	memset(account->question, 0, sizeof(account->question));
	account->next_question = 0;
	return account;
}

/*
 * A chart of the state was compiled: begin anew, for another day.  Returns
 * how many probes there had been.
 */
uint32
chart_probe_settle_account(const HierarchyState *state)
{
	Account    *account = known_account(state);
	uint32		spent = account ? account->spent : 0;

	if (account)
		account->spent = 0;
	return spent;
}

/*
 * How many probes may be made in all.
 */
static double
probes_allowed(const Account *account)
{
	double		limit;

	if (probe_limit == AUTOMATIC)
	{
		limit = account->rows / ROWS_A_PROBE;
		if (limit < FEW_PROBES)
			return 0;
	}
	else
		limit = probe_limit;
	return Min(limit, PG_INT32_MAX);
}

/*
 * How many more.
 */
static uint32
probes_left(const Account *account)
{
	double		allowed = probes_allowed(account);

	return allowed > account->spent ? (uint32) allowed - account->spent : 0;
}

/*
 * For the planner, which was refused: does it pay to compile the whole chart
 * of a state by now, or does it take hardly longer than planning?
 */
bool
chart_probe_compiling_pays(const HierarchyState *state)
{
	const Account *account = known_account(state);
	double		allowed;

	if (account == NULL)
		return false;
	allowed = probes_allowed(account);
	return allowed <= account->spent ||
		(probe_limit == AUTOMATIC && allowed <= FEW_FOR_PLANNER);
}

/*----------
 * Walking; false: give up
 *----------
 */

static Account *
walk_begin(Walk *walk, const HierarchyState *state)
{
	memset(walk, 0, sizeof(Walk));
	walk->snapshot = GetActiveSnapshot();
	walk->guarded = state->settled && state->own_change == 0;
	org_tables_open(&walk->unit, &walk->line);
	org_check_rows_seen(walk->unit, walk->line, walk->snapshot);
	return find_account(state, walk->unit, walk->line);
}

static void
walk_end(Walk *walk)
{
	for (int i = 0; i < (int) lengthof(walk->seek); i++)
	{
		if (walk->seek[i] != NULL)
			org_seek_end(walk->seek[i]);
	}
	table_close(walk->line, AccessShareLock);
	table_close(walk->unit, AccessShareLock);
}

/*
 * One more probe: the rows of a node by an index.
 */
static bool
seek(Walk *walk, OrgIndex index, IomNode node)
{
	CHECK_FOR_INTERRUPTS();
	if (walk->left == 0)
		return false;
	walk->left--;
	if (walk->seek[index] == NULL)
	{
		walk->seek[index] = org_seek_begin(index == UNIT_BY_NODE ?
										   walk->unit : walk->line, index,
										   walk->snapshot);
		if (walk->seek[index] == NULL)
			return false;
	}
	org_seek(walk->seek[index], node);
	return true;
}

/* Add a node to those found. */
static void
add_node(Walk *walk, IomNode node, IomNode supervisor, int32 position,
		 uint32 depth)
{
	ProbedNode *new;

	if (walk->nfound == walk->room)
	{
		walk->room *= 2;
		walk->found = repalloc_huge(walk->found,
									walk->room * sizeof(ProbedNode));
	}
	new = &walk->found[walk->nfound++];
	new->node = node;
	new->supervisor = supervisor;
	new->position = position;
	new->depth = depth;
}

/*
 * The same, if its unit is there on the day.
 */
static bool
add_unit(Walk *walk, IomNode node, IomNode supervisor, uint32 depth)
{
	bool		found = false;
	UnitRow		row;

	if (!seek(walk, UNIT_BY_NODE, node))
		return false;
	while (org_seek_next_unit(walk->seek[UNIT_BY_NODE], &row))
	{
		if (!chart_draft_sees(&walk->draft, row.valid))
			continue;
		if (found)
			return false;		/* a duplicate */
		found = true;
		add_node(walk, node, supervisor, row.position, depth);
	}
	return true;
}

/*
 * A node that a line tells of: in order, its unit is wanted for its position.
 */
static bool
add_end_of_line(Walk *walk, IomNode node, IomNode supervisor, uint32 depth,
				bool in_order)
{
	uint32		before = walk->nfound;

	if (in_order || !walk->guarded)
		return add_unit(walk, node, supervisor, depth) &&
			walk->nfound > before;
	add_node(walk, node, supervisor, 0, depth);
	return true;
}

/*
 * One more row of those that a probe found.
 */
static bool
take_row(Walk *walk)
{
	if (walk->left == 0)
		return false;
	walk->left--;
	return true;
}

/*
 * The supervisor of a node; IOM_NODE_NONE if it has none.
 */
static bool
find_supervisor(Walk *walk, IomNode node, IomNode *supervisor)
{
	bool		first = true;
	LineRow		row;

	*supervisor = IOM_NODE_NONE;
	if (!seek(walk, LINE_BY_NODE, node))
		return false;
	while (org_seek_next_line(walk->seek[LINE_BY_NODE], &row))
	{
		/* most nodes have one line */
		if (!first && !take_row(walk))
			return false;
		first = false;
		if (!row.solid || !chart_draft_sees(&walk->draft, row.valid))
			continue;
		if (*supervisor != IOM_NODE_NONE)
			return false;		/* a second solid line */
		*supervisor = row.supervisor;
	}
	return true;
}

/*
 * Find a node and so many levels of supervisors; nothing, if it is unknown.
 */
static bool
climb(Walk *walk, IomNode node, uint32 depth)
{
	for (uint32 level = 0;; level++)
	{
		IomNode		supervisor = IOM_NODE_NONE;

		if (level < depth && !find_supervisor(walk, node, &supervisor))
			return false;
		if (level == 0 && supervisor == IOM_NODE_NONE)
			return add_unit(walk, node, IOM_NODE_NONE, 0);
		if (!add_end_of_line(walk, node, supervisor, 0, false))
			return false;
		if (supervisor == IOM_NODE_NONE)
			return true;
		node = supervisor;
	}
}

/*
 * Find two nodes and all their supervisors: the second chain is cut where it
 * meets the first.
 */
static bool
climb_both(Walk *walk, IomNode node, IomNode other)
{
	uint32		nfirst;

	if (!climb(walk, node, ALL_LEVELS))
		return false;
	nfirst = walk->nfound;
	if (!climb(walk, other, ALL_LEVELS))
		return false;
	for (uint32 i = nfirst; i-- > 0 && walk->nfound > nfirst; walk->nfound--)
	{
		if (walk->found[i].node != walk->found[walk->nfound - 1].node)
			break;
	}
	return true;
}

/*
 * Find a node and so many levels below it; nothing, if it is unknown.
 */
static bool
descend(Walk *walk, IomNode top, uint32 depth, bool in_order)
{
	bool		units = in_order || !walk->guarded;

	Assert(walk->nfound == 0);
	if (!units)
		add_node(walk, top, IOM_NODE_NONE, 0, 0);
	else if (!add_unit(walk, top, IOM_NODE_NONE, 0))
		return false;
	for (uint32 i = 0; i < walk->nfound; i++)
	{
		IomNode		supervisor = walk->found[i].node;
		uint32		below = walk->found[i].depth + 1;
		LineRow		row;

		if (below > depth)
			break;
		/* each node that was found still costs a probe */
		if (walk->nfound - i > walk->left ||
			!seek(walk, LINE_BY_SUPERVISOR, supervisor))
			return false;
		while (org_seek_next_line(walk->seek[LINE_BY_SUPERVISOR], &row))
		{
			if (!take_row(walk))
				return false;
			if (!row.solid || !chart_draft_sees(&walk->draft, row.valid))
				continue;
			if (row.node == top)
				return false;
			if (!add_end_of_line(walk, row.node, supervisor, below, in_order))
				return false;
		}
	}
	if (!units && walk->nfound == 1)
	{
		/* no line says that the node is there */
		walk->nfound = 0;
		return add_unit(walk, top, IOM_NODE_NONE, 0);
	}
	return true;
}

/*
 * Find a node's supervisor and its reports; the node alone if it has none.
 */
static bool
walk_beside(Walk *walk, IomNode node)
{
	IomNode		supervisor;

	if (!climb(walk, node, 1))
		return false;
	if (walk->nfound < 2)
		return true;
	supervisor = walk->found[1].node;
	walk->nfound = 0;
	return descend(walk, supervisor, 1, true);
}

static bool
walk_scope(Walk *walk, ChartScope scope)
{
	switch (scope.kind)
	{
		case SCOPE_ALL:
			break;
		case SCOPE_ABOVE:
			return scope.other == IOM_NODE_NONE ?
				climb(walk, scope.node, scope.depth) :
				climb_both(walk, scope.node, scope.other);
		case SCOPE_WITHIN:
			return descend(walk, scope.node, scope.depth, false);
		case SCOPE_BELOW:
			return descend(walk, scope.node, scope.depth, true);
		case SCOPE_BESIDE:
			return walk_beside(walk, scope.node);
	}
	return false;
}

/*----------
 * The chart
 *----------
 */

/*
 * The chart of what was found; NULL if that is unsound.
 */
static CachedChart *
compile_found(Walk *walk)
{
	ChartDraft *draft = &walk->draft;
	ChartBuild *build = chart_build_begin(&draft->scratch, &draft->keep,
										  walk->nfound);
	ChartFault	fault;

	for (uint32 i = 0; i < walk->nfound; i++)
		chart_build_unit(build, walk->found[i].node, walk->found[i].position);
	for (uint32 i = 0; i < walk->nfound; i++)
	{
		if (walk->found[i].supervisor != IOM_NODE_NONE)
			chart_build_line(build, walk->found[i].node,
							 walk->found[i].supervisor);
	}
	return chart_draft_end(draft, build, &fault);
}

/*
 * The question among those that are remembered; the oldest one makes room for it.
 */
static Question *
find_question(Account *account, int64 day, ChartScope scope)
{
	Question   *question;

	for (int i = 0; i < QUESTIONS; i++)
	{
		question = &account->question[i];
		if (question->day == day && scope_equal(&question->scope, &scope))
			return question;
	}
	question = &account->question[account->next_question];
	account->next_question = (account->next_question + 1) % QUESTIONS;
	memset(question, 0, sizeof(Question));
	question->scope = scope;
	question->day = day;
	return question;
}

/*
 * Is it known already that a question takes more?
 */
static bool
is_refused(const Account *account, int64 day, ChartScope scope,
		   uint32 max_probes)
{
	for (int i = 0; i < QUESTIONS; i++)
	{
		const Question *question = &account->question[i];

		if (question->refused >= max_probes && question->day == day &&
			scope_includes(&scope, &question->scope))
			return true;
	}
	return false;
}

/*
 * A chart of a day, of what the active snapshot sees, that has what a question
 * needs: by at most so many index probes, or by as many as pay
 * (PROBES_THAT_PAY).  NULL if that does not suffice.
 *
 * The state is the snapshot's.  Raises no error that depends on the question.
 */
CachedChart *
chart_probe(int64 day, ChartScope scope, const HierarchyState *state,
			uint32 max_probes)
{
	Walk		walk;
	Account    *account;
	uint32		allowed;
	CachedChart *cached = NULL;

	if (max_probes == 0 || probe_limit == 0 ||
		(max_probes == PROBES_THAT_PAY && scope.kind == SCOPE_ALL))
		return NULL;

	account = walk_begin(&walk, state);
	allowed = max_probes == PROBES_THAT_PAY ? probes_left(account) : max_probes;
	if (scope.kind != SCOPE_ALL && allowed > PROBES_A_WALK &&
		!is_refused(account, day, scope, max_probes))
	{
		/* an endless way must end, whatever the setting */
		allowed = Min(allowed, 4 * account->rows + 1000);
		walk.left = allowed - PROBES_A_WALK;
		chart_draft_begin(&walk.draft, day);
		walk.room = 16;
		walk.found = MemoryContextAlloc(walk.draft.scratch_context,
										walk.room * sizeof(ProbedNode));
		if (walk_scope(&walk, scope))
			cached = compile_found(&walk);
		else
		{
			Question   *question = find_question(account, day, scope);

			question->refused = allowed;
			question->found = walk.nfound;
			chart_draft_abandon(&walk.draft);
		}
		account->spent += allowed - walk.left;
	}
	walk_end(&walk);

	if (cached != NULL)
		cached->scope = scope;
	return cached;
}

/*
 * For whoever looks rows up by SQL: spend so many probes; false if that would be
 * more than pay.
 */
bool
chart_probe_spend(const HierarchyState *state, double probes)
{
	Walk		walk;
	Account    *account = walk_begin(&walk, state);
	bool		pays = probes <= probes_left(account);

	if (pays)
		account->spent += (uint32) probes;
	walk_end(&walk);
	return pays;
}

/*
 * Roughly how many nodes a subtree has, a question that was refused.
 */
double
chart_probe_guess_size(int64 day, ChartScope scope, const HierarchyState *state)
{
	Walk		walk;
	Account    *account = walk_begin(&walk, state);
	Question   *question = find_question(account, day, scope);
	size_t		units = org_expected_rows(walk.unit);
	uint32		probes;

	if (question->guess == 0 || question->of != units)
	{
		question->guess = chart_guess_size(walk.unit, walk.line, walk.snapshot,
										   state, day, scope, &probes);
		question->of = units;
		account->spent += probes;
	}
	walk_end(&walk);
	return Max(question->guess, question->found);
}
