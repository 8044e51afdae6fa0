# The README's examples, run as a reader would: every ```sql block in its order,
# in one database; a ```text block right after one is what it must print, and so
# is a ```mermaid block, without the table around it. The line `<!-- not run -->` before a block leaves it out. A block fails if, and
# only if, what it must print has an error.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IomOrg;
use PostgreSQL::Test::Utils;
use IPC::Run ();
use Test::More;

my $readme = $ENV{IOMORG_README} // "$FindBin::RealBin/../../README.md";

# Each example: its line in the README, its SQL, and what it prints, if said.
sub examples
{
	my (@examples, $last);
	my $skip = 0;

	open my $in, '<', $readme or die "$readme: $!";
	while (my $line = <$in>)
	{
		if ($line =~ /^```(\w*)\s*$/)
		{
			my ($language, $start, $body) = ($1, $., '');

			while (defined($line = <$in>) && $line !~ /^```\s*$/)
			{
				$body .= $line;
			}
			die "$readme:$start: a block without an end" unless defined $line;
			if ($skip)
			{
				undef $last;
			}
			elsif ($language eq 'sql')
			{
				push @examples, $last = { line => $start, sql => $body };
			}
			else
			{
				$last->{prints} = $body if $language =~ /^(text|mermaid)$/ && $last;
				$last->{bare} = $language eq 'mermaid' if $last;
				undef $last;
			}
			$skip = 0;
		}
		elsif ($line =~ /\S/)
		{
			undef $last;
			$skip = $line =~ /^<!-- not run -->\s*$/;
		}
	}
	return @examples;
}

sub trimmed
{
	my ($text) = @_;
	$text =~ s/[ \t\r]+$//mg;
	$text =~ s/\s+\z//;
	return "$text\n";
}

my $node = iomorg_node('readme');
$node->safe_psql('postgres', 'CREATE DATABASE readme');
$ENV{PAGER} = 'cat';

my @examples = examples();
cmp_ok(scalar @examples, '>=', 5, 'the README has examples');
for my $example (@examples)
{
	my $prints = $example->{prints};
	my $fails = defined $prints && $prints =~ /^ERROR:/m;
	my ($out, $err);
	my $name = "README.md:$example->{line}";
	my $ran = IPC::Run::run(
		[ 'psql', '-X', '-q', $example->{bare} ? '-At' : (), '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('readme') ],
		'<', \$example->{sql}, '>', \$out, '2>', \$err);

	ok($fails ? !$ran : $ran, $fails ? "$name fails" : "$name runs") or diag($err);
	is(trimmed($out . $err), trimmed($prints), "$name prints what it says")
	  if defined $prints;
}
done_testing();
