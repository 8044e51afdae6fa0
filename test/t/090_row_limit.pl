# Statements that are stopped when they have returned so many rows, as the row limits
# of PL/Perl, PL/Python and PL/Tcl do: the server fires no trigger after them. What was
# not recorded is not committed.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# What those languages pass on, without them.
my $source = <<'C';
#include "postgres.h"
#include "executor/spi.h"
#include "utils/builtins.h"
PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(row_limit);
Datum
row_limit(PG_FUNCTION_ARGS)
{
	uint64		rows;

	SPI_connect();
	SPI_execute(text_to_cstring(PG_GETARG_TEXT_PP(0)), false, PG_GETARG_INT64(1));
	rows = SPI_processed;
	SPI_finish();
	PG_RETURN_INT64(rows);
}
C
my $dir = PostgreSQL::Test::Utils::tempdir();
my $node = iomorg_node('main', conf => "max_prepared_transactions = 2\n");
append_to_file("$dir/row_limit.c", $source);
if (system($ENV{CC} // 'cc', '-shared', '-fPIC', '-I' . $node->config_data('--includedir-server'), '-o', "$dir/row_limit.so", "$dir/row_limit.c"))
{
	plan skip_all => 'no C compiler';
}
$node->safe_psql('postgres', qq{
	CREATE EXTENSION iomorg;
	CREATE ROLE hr LOGIN;
	GRANT INSERT, UPDATE, DELETE ON iom_unit, iom_line, iom_appointment TO hr;
	CREATE FUNCTION row_limit(text, bigint) RETURNS bigint AS '$dir/row_limit' LANGUAGE C});

my $rows = q{SELECT md5(string_agg(r, E'\n' ORDER BY r)) FROM (SELECT u::text FROM iom_unit u UNION ALL SELECT l::text FROM iom_line l
	UNION ALL SELECT a::text FROM iom_appointment a UNION ALL SELECT h::text FROM iom_history h) x (r)};

# Runs SQL as a role ('': who made the cluster); the error, if there is one.
sub error
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-v', 'VERBOSITY=verbose', $role ? ('-U', $role) : () ], on_error_stop => 1);

	return $err =~ /(?:ERROR|FATAL):\s+(.*)/ ? $1 : '';
}

my %limited = (
	'UPDATE iom_unit' => q{UPDATE iom_unit SET name = 'hidden' RETURNING 1},
	'UPDATE iom_line' => q{UPDATE iom_line SET relation = 'hidden' WHERE node = 'DLA' RETURNING 1},
	'DELETE FROM iom_line' => q{DELETE FROM iom_line WHERE line = 'dotted' RETURNING 1},
	'INSERT INTO iom_unit' => q{INSERT INTO iom_unit (node, name) VALUES ('A', 'A'), ('B', 'B') RETURNING 1},
	'INSERT ON CONFLICT' => q{INSERT INTO iom_unit (node, name) SELECT node, 'hidden' FROM iom_unit ON CONFLICT (node) DO UPDATE SET name = excluded.name RETURNING 1},
	'UPDATE iom_appointment' => q{UPDATE iom_appointment SET term_years = 9 RETURNING 1},
	'DELETE FROM iom_appointment' => q{DELETE FROM iom_appointment RETURNING 1},
	'INSERT INTO iom_appointment' => q{INSERT INTO iom_appointment (post, authority, method) VALUES ('DLA', 'DG', 'appointed') RETURNING 1});
my $before = $node->safe_psql('postgres', $rows);
for my $what (sort keys %limited)
{
	my $call = "SELECT row_limit(\$q\$$limited{$what}\$q\$, 1)";
	my ($table) = $limited{$what} =~ /(iom_\w+)/;

	is(error('hr', $call), qq{27000: a statement on table "$table" was stopped before its end}, "$what, stopped");
	is(error('hr', "BEGIN; SAVEPOINT s; $call; RELEASE SAVEPOINT s; COMMIT"), qq{27000: a statement on table "$table" was stopped before its end}, '... in a subtransaction');
	is(error('hr', "BEGIN; $call; PREPARE TRANSACTION 'p'"), qq{27000: a statement on table "$table" was stopped before its end}, '... and prepared');
	is(error('hr', "BEGIN; SAVEPOINT s; $call; ROLLBACK TO SAVEPOINT s; COMMIT"), '', '... rolled back');
}
is($node->safe_psql('postgres', $rows), $before, 'nothing was changed');

# A statement after it, even one of the same table, does not make up for it.
is(error('hr', q{BEGIN; SELECT row_limit('UPDATE iom_unit SET name = ''hidden'' RETURNING 1', 1); UPDATE iom_unit SET name = 'Law' WHERE node = 'DLA'; COMMIT}),
	'27000: a statement on table "iom_unit" was stopped before its end', 'another statement after it');
is($node->safe_psql('postgres', $rows), $before, 'nothing was changed');

# Nor does it matter how many were stopped.
is(error('hr', q{SELECT count(row_limit('UPDATE iom_unit SET name = ''hidden'' RETURNING 1', 1)) FROM generate_series(1, 50)}),
	'27000: a statement on table "iom_unit" was stopped before its end', 'many statements');
is($node->safe_psql('postgres', $rows), $before, 'nothing was changed');

# Whose end is reached is recorded as any other.
is(error('hr', q{SELECT row_limit('UPDATE iom_unit SET name = name RETURNING 1', 1000)}), '', 'a limit that is not reached');
is(error('hr', q{SELECT row_limit('UPDATE iom_unit SET name = name', 1)}), '', 'a statement that returns nothing');
is(error('hr', q{SELECT row_limit('WITH w AS (UPDATE iom_unit SET name = name RETURNING 1) TABLE w', 1)}), '', 'a part of a query that is stopped');
is($node->safe_psql('postgres', q{SELECT string_agg(n::text, ' ') FROM (SELECT count(*) FROM iom_history GROUP BY transaction) x (n)}),
	join(' ', ($node->safe_psql('postgres', 'SELECT count(*) FROM iom_unit')) x 3), 'all of them are recorded');

# What a superuser takes from the history shows.
is(error('', q{SELECT row_limit('DELETE FROM iom_history RETURNING 1', 1)}),
	'27000: a statement on table "iom_history" was stopped before its end', 'the history');

# One of somebody's that is not fired for each statement is not waited for.
is(error('', q{BEGIN; CREATE TRIGGER own AFTER UPDATE ON iom_unit REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
	FOR EACH STATEMENT WHEN (false) EXECUTE FUNCTION iom_history_record(); UPDATE iom_unit SET name = 'Law' WHERE node = 'DLA'; COMMIT;
	DROP TRIGGER own ON iom_unit}), '', 'a trigger with a condition');

# Who disables the triggers is taken at his word.
is(error('', q{BEGIN; ALTER TABLE iom_unit DISABLE TRIGGER iom_history_update; UPDATE iom_unit SET name = 'hidden' WHERE node = 'DLA'; COMMIT}),
	'', 'a trigger is disabled');
like($node->safe_psql('postgres', q{SELECT string_agg(problem || ' ' || detail, ', ') FROM iom_check()}), qr/trigger disabled iom_history_update on iom_unit/, '... which iom_check tells');

$node->stop;
done_testing();
