# Facts on three servers, the organisation on a fourth: what doc/sharding.md says,
# block by block, and that the answers are those of one server.
#
#   make demo-shards    keeps the servers until Ctrl-C (IOM_KEEP)
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Examples;
use IomOrg;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

$ENV{PAGER} = 'cat';
my $document = $ENV{IOMORG_SHARDING} // "$FindBin::RealBin/../../doc/sharding.md";
my $main = iomorg_node('main', allows_streaming => 'logical');
my @shards = map { iomorg_node("shard_$_") } 0 .. 2;

# What psql prints of a block; variables say which shard is meant, if one is.
sub run_block
{
	my ($node, $shard, $sql, $name) = @_;
	my ($out, $err);
	my %variables = (main_host => $main->host, main_port => $main->port);

	@variables{qw(shard shard_host shard_port)} = ($shard, $shards[$shard]->host, $shards[$shard]->port)
	  if defined $shard;
	ok(IPC::Run::run(
			[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'),
				map { ('-v', "$_=$variables{$_}") } sort keys %variables ],
			'<', \$sql, '>', \$out, '2>', \$err), "$name runs")
	  or BAIL_OUT($err);
	return $out;
}

# Of a plan, what is asked of the shards; it looks the same in all versions.
sub remote
{
	my ($plan) = @_;
	return join "\n", $plan =~ /(Async Foreign Scan|Remote SQL: .*\S)/g;
}

sub shards_have_copy
{
	$_->wait_for_subscription_sync($main, 'organisation_' . ($_->name =~ s/\D+//r)) for @shards;
}

sub applied
{
	$main->wait_for_catchup("organisation_$_") for 0 .. 2;
}

my %blocks = (
	'on main' => sub { run_block($main, undef, @_) },
	'on main, for every shard' => sub { my @args = @_; join '', map { run_block($main, $_, @args) } 0 .. 2 },
	# Not Citus, but the answer must be the same.
	'on the coordinator' => sub { run_block($main, undef, @_) },
	'on every shard' => sub { my @args = @_; join '', map { run_block($shards[$_], $_, @args) } 0 .. 2 },
	'on every shard, when it has the copy' => sub {
		my @args = @_;
		shards_have_copy();
		join '', map { run_block($shards[$_], $_, @args) } 0 .. 2;
	},
	'on shard 0, when it has applied that' => sub { applied(); run_block($shards[0], 0, @_) });

my ($plans, $prints) = (0, 0);
for my $block (Examples::examples($document))
{
	my $name = "sharding.md:$block->{line}";
	my ($where) = $block->{sql} =~ /\A-- (.*)\n/;
	my $got = ($blocks{$where // ''} // die "$name: where?")->($block->{sql}, $name);

	next unless defined $block->{prints};
	if ($block->{sql} =~ /^EXPLAIN/m)
	{
		is(remote($got), remote($block->{prints}), "$name asks the shards for what it says");
		$plans++;
	}
	else
	{
		is(Examples::trimmed($got), Examples::trimmed($block->{prints}), "$name prints what it says");
		$prints++;
	}
}
cmp_ok($plans, '>=', 3, 'plans are shown');
cmp_ok($prints, '>=', 2, 'answers are shown');

# One server's answer: the same rows in a table of the main server.
$main->safe_psql('postgres', q{CREATE TABLE one AS TABLE staff; ANALYZE one});
cmp_ok($_->safe_psql('postgres', 'SELECT count(*) FROM staff'), '>', 3000, $_->name . ' has its part') for @shards;

sub same
{
	my ($name) = @_;
	my $total = 'count(*), sum(salary), min(id), max(id)';
	my $subtrees = sub {
		return qq{SELECT md5(string_agg(u.node || ' ' || s::text, E'\\n' ORDER BY u.node))
			FROM iom_unit u, LATERAL (SELECT $total FROM $_[0]) s};
	};
	my $totals = sub { qq{SELECT md5(string_agg(t::text, E'\\n' ORDER BY t.node)) FROM ($_[0]) t} };
	my $unnest = sub { qq{SELECT r.* FROM (SELECT iom_rollup(unit, salary) FROM $_[0]) s (t), iom_unnest(s.t) r} };
	my $want = $main->safe_psql('postgres', $subtrees->('one WHERE unit <@ u.node'));
	my $want_totals = $main->safe_psql('postgres', $totals->($unnest->('one')));

	is($main->safe_psql('postgres', $subtrees->('staff WHERE unit = ANY (ARRAY(SELECT iom_subtree(u.node)))')), $want, "$name: subtrees, as a parameter");
	is($main->safe_psql('postgres', $subtrees->('staff WHERE unit <@ u.node')), $want, "$name: subtrees, by <@");
	is($main->safe_psql('postgres', $totals->('SELECT * FROM staff_totals')), $want_totals, "$name: totals of the shards");
	is($main->safe_psql('postgres', $totals->($unnest->('staff'))), $want_totals, "$name: totals of all rows");
	is($main->safe_psql('postgres', $totals->($unnest->('(SELECT iom_rollup(unit, salary) FROM staff GROUP BY id) p (totals)') =~ s/unit, salary/totals/r)),
		$want_totals, "$name: totals of the totals of each row");

	# Each shard by itself, with its own copy of the organisation.
	applied();
	my $parts = join ' UNION ALL ', map {
		sprintf 'SELECT * FROM (VALUES %s) v (node, count)', $_->safe_psql('postgres', q{
			SELECT string_agg(format('(%L::iom_node, %s)', u.node, (SELECT count(*) FROM staff WHERE unit <@ u.node)), ',') FROM iom_unit u})
	} @shards;
	is($main->safe_psql('postgres', qq{
		SELECT count(*) FROM (SELECT node, sum(count) AS count FROM ($parts) p GROUP BY node) s
		FULL JOIN (SELECT node, (SELECT count(*) FROM one WHERE unit <@ node) AS count FROM iom_unit) o USING (node)
		WHERE s.count IS DISTINCT FROM o.count}), 0, "$name: on the shards");
}

same('as documented');
$main->safe_psql('postgres', q{
	BEGIN;
	SELECT iom_add('NEW', 'New', 'COS'), iom_move('DHRM', 'NEW'), iom_move('OSS', 'DG');
	COMMIT});
same('reorganised');
$main->safe_psql('postgres', q{
	UPDATE iom_line SET valid = daterange(NULL, current_date) WHERE node = 'DOE' AND line = 'solid'});
same('a node without supervisor');
applied();
$_->safe_psql('postgres', q{SELECT 1 FROM iom_unit WHERE node = 'NEW'}) or fail($_->name . ' has the new unit') for @shards;
$main->safe_psql('postgres', "INSERT INTO $_ SELECT 20000 + i, 'NEW', i FROM generate_series(1, 100) i") for qw(staff one);
same('rows of the new unit');
my ($status, undef, $error) = $main->psql('postgres', q{INSERT INTO staff VALUES (30000, 'NOWHERE', 1)});
like($error, qr/violates foreign key constraint/, 'a shard refuses an unknown unit');

if ($ENV{IOM_KEEP})
{
	diag("\nThe servers are up, until Ctrl-C:");
	# (they belong to another user if we were started as root)
	my $user = $main->safe_psql('postgres', 'SELECT current_user');
	diag(sprintf '    psql -h %s -p %s -U %s postgres    # %s', $_->host, $_->port, $user, $_->name) for $main, @shards;
	sleep;
}
$_->safe_psql('postgres', 'DROP SUBSCRIPTION organisation_' . ($_->name =~ s/\D+//r)) for @shards;
done_testing();
