# The examples of a document, run as a reader would: every ```sql block in its
# order, in one database; a ```text block right after one is what it must print,
# and so is a ```mermaid block, without the table around it. The line `<!-- not run -->` before a block leaves it out.
#
#   use FindBin;
#   use lib $FindBin::RealBin;
#   use Examples;
#   examples_ok($node, 'readme', $file);
#
# A block fails if, and only if, what it must print has an error.
package Examples;

use strict;
use warnings;
use Exporter 'import';
use File::Basename;
use IPC::Run ();
use Test::More;

our @EXPORT = qw(examples_ok);

# Each example: its line in the document, its SQL, and what it prints, if said.
sub examples
{
	my ($file) = @_;
	my (@examples, $last);
	my $skip = 0;

	open my $in, '<', $file or die "$file: $!";
	while (my $line = <$in>)
	{
		if ($line =~ /^```(\w*)\s*$/)
		{
			my ($language, $start, $body) = ($1, $., '');

			while (defined($line = <$in>) && $line !~ /^```\s*$/)
			{
				$body .= $line;
			}
			die "$file:$start: a block without an end" unless defined $line;
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
				if ($last && $language =~ /^(?:text|mermaid)$/)
				{
					$last->{prints} = $body;
					$last->{bare} = $language eq 'mermaid';
				}
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

# Runs the examples of the file in a new database of that name.
sub examples_ok
{
	my ($node, $database, $file) = @_;
	my @examples = examples($file);
	my $document = basename($file);

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	local $ENV{PAGER} = 'cat';

	cmp_ok(scalar @examples, '>=', 5, "$document has examples");
	for my $example (@examples)
	{
		my $prints = $example->{prints};
		my $fails = defined $prints && $prints =~ /^ERROR:/m;
		my ($out, $err);
		my $name = "$document:$example->{line}";
		my $ran = IPC::Run::run(
			[ 'psql', '-X', '-q', ($example->{bare} ? '-At' : ()), '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database) ],
			'<', \$example->{sql}, '>', \$out, '2>', \$err);

		ok($fails ? !$ran : $ran, $fails ? "$name fails" : "$name runs") or diag($err);
		is(trimmed($out . $err), trimmed($prints), "$name prints what it says")
		  if defined $prints;
	}
}

1;
