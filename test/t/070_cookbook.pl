# The cookbook's examples run on the staff of `make demo`, and print what it says.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Examples;
use IomOrg;
use PostgreSQL::Test::Utils;
use Test::More;

my $cookbook = "$FindBin::RealBin/../../doc/cookbook.md";
my ($staff) = slurp_file($cookbook) =~ /^(CREATE TABLE staff .*?^ANALYZE staff;)/ms;

ok(index(slurp_file("$FindBin::RealBin/../demo/demo.sql"), $staff) >= 0,
	'its staff is that of the demo');
examples_ok(iomorg_node('cookbook'), 'cookbook', $cookbook);
done_testing();
