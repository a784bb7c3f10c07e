import { postgresql } from '../../src/protocols/postgresql/index.ts';
import { fuzz } from '../kit/fuzz.ts';
import { conversations } from './postgresql-conversations.ts';
import * as messages from './postgresql-messages.ts';

const { bind, closeStatement, complete, copyData, describeStatement, error, execute, parse, query, row } = messages;

/** Messages that decide how others are read, and lengths that arithmetic dislikes. */
const WORDS = [
  messages.sslRequest,
  messages.gssRequest,
  messages.cancelRequest,
  messages.startup({ user: 'alice' }),
  query('DISCARD ALL'),
  query("SELECT 'a"),
  query('COPY t FROM STDIN'),
  parse('', 'SELECT $1'),
  parse('s1', 'SELECT $1'),
  parse('s'.repeat(300), 'SELECT $1'),
  bind('', 's1', 'x'),
  bind('p'.repeat(300), 's'.repeat(300)),
  describeStatement('s1'),
  closeStatement('s1'),
  execute(''),
  messages.sync,
  messages.flush,
  messages.terminate,
  messages.copyInResponse,
  messages.copyOutResponse,
  messages.copyBothResponse,
  copyData('data'),
  messages.copyDone,
  messages.copyFail('no'),
  messages.parsed,
  messages.bound,
  messages.closed,
  messages.noData,
  messages.suspended,
  messages.rowDescription('a'),
  row('1'),
  complete('SELECT 1'),
  error('42P01'),
  error('57P01', 'bye', 'FATAL'),
  messages.notice('01000'),
  messages.ready(),
  messages.ready().subarray(0, 5),
  messages.setting('standard_conforming_strings', 'off'),
  Buffer.from('Q\0\0\0\0', 'latin1'),
  Buffer.from('Q\x7f\xff\xff\xff', 'latin1'),
  Buffer.from('D\x3f\xff\xff\xff', 'latin1'),
  Buffer.from('P\x80\0\0\0', 'latin1'),
  Buffer.from('Q\0\0\x40\0', 'latin1'),
  Buffer.from('\0\0\0\0', 'latin1'),
  Buffer.from('S', 'latin1'),
  Buffer.from('N', 'latin1'),
  Buffer.alloc(9000, 'x'),
].map((b) => b.toString('latin1'));

fuzz(postgresql, conversations, WORDS);
