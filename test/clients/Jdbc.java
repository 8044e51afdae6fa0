// JDBC. With stringtype=unspecified in the URL, setString() does for a node;
// without it, ?::iom_node.

import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.postgresql.PGStatement;
import org.postgresql.util.PSQLException;

public class Jdbc {
	static final String MOVE =
		"UPDATE iom_line SET supervisor = ? WHERE node = ? AND line = 'solid'";
	static Connection connection;

	static Connection connect(String options) throws SQLException {
		return DriverManager.getConnection("jdbc:postgresql://localhost:" + System.getenv("PGPORT")
			+ "/" + System.getenv("PGDATABASE") + "?user=" + System.getenv("PGUSER") + options);
	}

	static PreparedStatement prepare(String query, String... nodes) throws SQLException {
		PreparedStatement statement = connection.prepareStatement(query);
		for (int i = 0; i < nodes.length; i++)
			statement.setString(i + 1, nodes[i]);
		return statement;
	}

	/** The first column of all rows. */
	static String ask(PreparedStatement statement) throws SQLException {
		List<String> values = new ArrayList<>();
		try (ResultSet rows = statement.executeQuery()) {
			while (rows.next())
				values.add(rows.getString(1));
		}
		return String.join(" ", values);
	}

	static void print(String name, Object answer) {
		System.out.println(name + ": " + answer);
	}

	/** An array of nodes comes as one of objects that print as their codes. */
	static String names(java.sql.Array nodes) throws SQLException {
		if (nodes == null)
			return "null";
		List<String> names = new ArrayList<>();
		for (Object node : (Object[]) nodes.getArray())
			names.add(node.toString());
		return names.isEmpty() ? "nobody" : String.join(" ", names);
	}

	static java.sql.Array nodes(String... codes) throws SQLException {
		return connection.createArrayOf("iom_node", codes);
	}

	static void printError(String name, PreparedStatement statement) {
		try {
			statement.execute();
		} catch (SQLException e) {
			var error = ((PSQLException) e).getServerErrorMessage();
			if (error.getDetail() == null)
				throw new AssertionError("no detail");
			print(name, e.getSQLState() + " " + error.getMessage());
		}
	}

	public static void main(String[] args) throws Exception {
		connection = connect("&stringtype=unspecified");
		print("supervisor of oss-mac", ask(prepare("SELECT iom_supervisor(?)", "oss-mac")));
		try (ResultSet row = prepare("SELECT iom_supervisor(?)", "DG").executeQuery()) {
			row.next();
			print("supervisor of DG", row.getObject(1));
		}

		PreparedStatement insert = prepare("INSERT INTO staff VALUES (?, ?, ?)");
		String[] units = {"doe", "OSS-MAC", "GDI"};
		java.sql.Array[] known = {nodes("DLA", "oss-mac"), nodes(), null};
		for (int i = 0; i < units.length; i++) {
			insert.setInt(1, i + 1);
			insert.setString(2, units[i]);
			insert.setArray(3, known[i]);
			insert.addBatch();
		}
		insert.executeBatch();
		try (ResultSet row = prepare("SELECT * FROM staff ORDER BY id").executeQuery()) {
			while (row.next())
				print("staff " + row.getInt(1), row.getString("unit") + ", knows " + names(row.getArray("knows")));
		}
		PreparedStatement among = prepare("SELECT count(*) FROM staff WHERE unit = ANY (?)");
		among.setArray(1, nodes("DOE", "GDI"));
		print("staff in DOE or GDI", ask(among));
		print("below OSS", ask(prepare("SELECT node FROM iom_subtree(?)", "OSS")));
		print("chain of OSS-MAC", ask(prepare("SELECT node FROM iom_supervisors(?)", "OSS-MAC")));
		try (ResultSet row = prepare("SELECT * FROM iom_org WHERE node = ?", "DLA").executeQuery()) {
			row.next();
			print("chart", row.getString("code") + " level " + row.getInt("level")
				+ " leaf " + row.getBoolean("is_leaf") + " " + row.getString("path"));
		}

		// The driver prepares on the server from the fifth execution on.
		PreparedStatement within = prepare("SELECT count(*) FROM staff WHERE unit <@ ?", "DDGMR");
		for (int i = 0; i < 6; i++)
			ask(within);
		if (!within.unwrap(PGStatement.class).isUseServerPrepare())
			throw new AssertionError("not prepared");
		print("within DDGMR", ask(within));
		try (Connection other = connect("");
				PreparedStatement move = other.prepareStatement(MOVE.replace("?", "?::iom_node"))) {
			move.setString(1, "COS");
			move.setString(2, "OSS");
			move.executeUpdate();
		}
		print("within DDGMR after a move by another session", ask(within));
		print("path of OSS-MAC", ask(prepare("SELECT iom_path(?)", "OSS-MAC")));
		connection.setAutoCommit(false);
		prepare(MOVE, "DDGMR", "OSS").executeUpdate();
		print("within DDGMR after a move by this session", ask(within));
		connection.rollback();
		connection.setAutoCommit(true);
		print("within DDGMR after its rollback", ask(within));

		// The driver sends a date without a type, which is no relation.
		PreparedStatement reports = prepare("SELECT iom_reports(?, ?)", "DLA");
		reports.setDate(2, Date.valueOf("2031-01-01"));
		try {
			ask(reports);
			throw new AssertionError("a date was taken for a relation");
		} catch (SQLException e) {
			if (!e.getSQLState().equals("22023"))
				throw e;
		}
		reports = prepare("SELECT iom_reports(?, ?::date)", "OSS");
		reports.setDate(2, Date.valueOf("2031-01-01"));
		if (!ask(reports).equals("OSS-MAC OSS-PAC"))
			throw new AssertionError("not the reports of the day");

		printError("bad code", prepare("SELECT iom_supervisor(?)", "NO GOOD"));
		printError("cycle", prepare(MOVE, "OSS-MAC", "COS"));
		printError("no such unit", prepare("INSERT INTO staff VALUES (4, ?)", "NOSUCH"));
		print("still connected", ask(prepare("SELECT iom_root(?)", "DLA")));
	}
}
