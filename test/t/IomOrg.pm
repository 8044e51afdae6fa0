# A server for a TAP test, with what it needs to find the extension:
#
#   use FindBin;
#   use lib $FindBin::RealBin;
#   use IomOrg;
#   my $node = iomorg_node('main', conf => "work_mem = '1MB'\n", allows_streaming => 1);
package IomOrg;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;

our @EXPORT = qw(iomorg_node);

# Makes and starts a node. `conf` is added to its postgresql.conf, `start => 0`
# leaves it stopped, `older` is where another major version is (IOMORG_OLDER);
# everything else is PostgreSQL::Test::Cluster's init().
sub iomorg_node
{
	my ($name, %params) = @_;
	my $conf = delete $params{conf} // '';
	my $start = delete $params{start} // 1;
	my $older = delete $params{older};
	my $node = PostgreSQL::Test::Cluster->new($name, $older ? (install_path => $older) : ());

	# Whatever the locale of the user who runs it.
	$node->init(%params,
		extra => [ '--encoding=UTF8', '--locale=C', @{ $params{extra} // [] } ]);
	# `make test` says here where it has put the extension; after a real
	# `make install` there is nothing to say.
	my $where = $older ? $ENV{IOMORG_OLDER_CONF} : $ENV{IOMORG_CONF};
	$node->append_conf('postgresql.conf', ($where // '') . "\n$conf");
	$node->start if $start;
	return $node;
}

1;
