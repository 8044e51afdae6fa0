# The README's examples run and print what it says.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Examples;
use IomOrg;
use Test::More;

examples_ok(iomorg_node('readme'), 'readme',
	$ENV{IOMORG_README} // "$FindBin::RealBin/../../README.md");
done_testing();
