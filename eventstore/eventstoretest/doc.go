// Package eventstoretest gives tests an empty log on each database: SQLite in a
// temporary folder, PostgreSQL at SCRAPELOG_TEST_POSTGRES or else in a private
// cluster that is started once per test process. A package that uses it says
//
//	func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }
//
// so that the cluster is ended. Under -short (make quick) the tests on PostgreSQL
// are skipped, and say so. Otherwise they fail where there is no PostgreSQL: half
// a suite that passes would look like a whole one.
package eventstoretest
