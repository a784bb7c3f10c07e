import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT } from '../../src/exchange/semantics.ts';
import { tls } from '../../src/protocols/tls/index.ts';
import { attributes } from '../kit/attributes.ts';
import type { Conversation } from '../kit/conversation.ts';
import { Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import { conversations } from './tls-conversations.ts';

const { semantics } = tls;

/** What a conversation's handshake says of itself. */
function told(name: string): Record<string, unknown> {
  const c = conversations.find((o) => o.name === name) as Conversation;
  const { record: x } = new Rig().feed(frames(c, link({ serverPort: 443 }))).end().found[0]!;
  return { ...attributes(x), status: semantics.status(x), error: semantics.errorType(x, CLIENT), failed: x.failed };
}

const server = { 'server.address': 'shop.example', 'server.port': 443, 'tls.client.server_name': 'shop.example' };

test('TLS 1.2 shows the certificate’s end and the protocol chosen', () => {
  assert.deepEqual(told('TLS 1.2, full handshake'), {
    ...server,
    'tls.protocol.name': 'tls',
    'tls.protocol.version': '1.2',
    'tls.cipher': '0xc02f',
    'tls.next_protocol': 'h2',
    'tls.resumed': false,
    'tls.established': true,
    'tls.server.not_after': '2030-12-31T23:59:59Z',
    status: 'ServerHello',
    error: '',
    failed: false,
  });
});

test('a resumed session, and TLS 1.3 that hides its certificate', () => {
  assert.equal(told('TLS 1.2, resumed: the client finishes last')['tls.resumed'], true);
  const t = told('TLS 1.3');
  assert.deepEqual([t['tls.protocol.version'], t['tls.resumed'], t['tls.server.not_after']], ['1.3', false, undefined]);
  for (const draft of ['a draft of TLS 1.3 with a hello of its own', 'a later draft of TLS 1.3'])
    assert.equal(told(draft)['tls.protocol.version'], '1.3');
});

test('alerts are errors, by their names, whoever sends them', () => {
  const refused = told('the server refuses');
  assert.deepEqual([refused.status, refused.error, refused.failed], ['alert 40', 'handshake_failure', true]);
  const broken = told('the client does not like the certificate');
  assert.deepEqual([broken.status, broken.error], ['ServerHello', 'certificate_expired']);
  assert.equal(broken['tls.established'], false);
  assert.equal(broken['tls.server.not_after'], '2020-01-01T00:00:00Z');
  assert.equal(told('reset instead of an answer').error, 'connection_reset');
  const hidden = told('TLS 1.3, the client does not like the certificate and says so encrypted');
  assert.deepEqual([hidden.error, hidden['tls.established']], ['encrypted_alert', false]);
});
