// node-postgres. The first lines are what the README gives: nodes are strings
// without any, arrays of them are arrays of strings with these.
'use strict'
const { Client, types } = require('pg')

const TEXT_ARRAY = 1009

async function registerNodes(client) {
  const { rows } = await client.query("SELECT 'iom_node[]'::regtype::oid")
  types.setTypeParser(rows[0].oid, types.getTypeParser(TEXT_ARRAY))
}

const MOVE = "UPDATE iom_line SET supervisor = $1 WHERE node = $2 AND line = 'solid'"

async function main() {
  const client = new Client()
  await client.connect()
  await registerNodes(client)

  const values = async (text, ...args) =>
    (await client.query({ text, values: args, rowMode: 'array' })).rows.map((row) => row[0])
  const value = async (...query) => (await values(...query))[0]
  const print = (name, answer) => console.log(`${name}: ${answer}`)
  const names = (nodes) => (nodes === null ? 'null' : nodes.join(' ') || 'nobody')
  const printError = async (name, text, ...args) => {
    try {
      await client.query(text, args)
    } catch (e) {
      if (!e.detail) throw e
      print(name, `${e.code} ${e.message}`)
    }
  }

  print('supervisor of oss-mac', await value('SELECT iom_supervisor($1)', 'oss-mac'))
  print('supervisor of DG', await value('SELECT iom_supervisor($1)', 'DG'))

  await client.query('INSERT INTO staff VALUES (1, $1, $2), (2, $3, $4), (3, $5, $6)', [
    'doe', ['DLA', 'oss-mac'], 'OSS-MAC', [], 'GDI', null])
  for (const { id, unit, knows } of (await client.query('SELECT * FROM staff ORDER BY id')).rows) {
    print(`staff ${id}`, `${unit}, knows ${names(knows)}`)
  }
  print('staff in DOE or GDI',
    await value('SELECT count(*) FROM staff WHERE unit = ANY ($1)', ['DOE', 'GDI']))
  print('below OSS', names(await values('SELECT node FROM iom_subtree($1)', 'OSS')))
  print('chain of OSS-MAC', names(await values('SELECT node FROM iom_supervisors($1)', 'OSS-MAC')))
  const dla = (await client.query('SELECT * FROM iom_org WHERE node = $1', ['DLA'])).rows[0]
  print('chart', `${dla.code} level ${dla.level + 0} leaf ${dla.is_leaf === true} ${dla.path}`)

  // A query with a name is prepared once.
  const within = async () => (await client.query({
    name: 'within', text: 'SELECT count(*) FROM staff WHERE unit <@ $1', values: ['DDGMR']
  })).rows[0].count
  print('within DDGMR', await within())
  const other = new Client()
  await other.connect()
  await other.query(MOVE, ['COS', 'OSS'])
  await other.end()
  print('within DDGMR after a move by another session', await within())
  print('path of OSS-MAC', await value('SELECT iom_path($1)', 'OSS-MAC'))
  await client.query('BEGIN')
  await client.query(MOVE, ['DDGMR', 'OSS'])
  print('within DDGMR after a move by this session', await within())
  await client.query('ROLLBACK')
  print('within DDGMR after its rollback', await within())
  if (await value("SELECT generic_plans FROM pg_prepared_statements WHERE name = 'within'") !== '4') {
    throw new Error('not prepared')
  }

  await printError('bad code', 'SELECT iom_supervisor($1)', 'NO GOOD')
  await printError('cycle', MOVE, 'OSS-MAC', 'COS')
  await printError('no such unit', 'INSERT INTO staff VALUES (4, $1)', 'NOSUCH')
  print('still connected', await value('SELECT iom_root($1)', 'DLA'))
  await client.end()
}

main().catch((e) => {
  console.error(e)
  process.exit(1)
})
