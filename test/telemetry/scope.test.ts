import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as stable from '@opentelemetry/semantic-conventions';
import * as all from '@opentelemetry/semantic-conventions/incubating';
import * as scope from '../../src/telemetry/scope.ts';

test('names are those of the semantic conventions', () => {
  assert.deepEqual(
    [
      scope.SERVICE_NAME,
      scope.SERVICE_NAMESPACE,
      scope.SERVICE_INSTANCE_ID,
      scope.SERVICE_VERSION,
      scope.TELEMETRY_SDK_NAME,
      scope.TELEMETRY_SDK_LANGUAGE,
      scope.TELEMETRY_SDK_VERSION,
      scope.TELEMETRY_DISTRO_NAME,
      scope.SERVICE_PEER_NAME,
      scope.SERVICE_PEER_NAMESPACE,
      scope.PEER_SERVICE,
      scope.NETWORK_PEER_ADDRESS,
      scope.NETWORK_PEER_PORT,
      scope.NETWORK_PROTOCOL_NAME,
      scope.NETWORK_IO_DIRECTION,
      scope.ERROR_TYPE,
    ],
    [
      stable.ATTR_SERVICE_NAME,
      stable.ATTR_SERVICE_NAMESPACE,
      stable.ATTR_SERVICE_INSTANCE_ID,
      stable.ATTR_SERVICE_VERSION,
      stable.ATTR_TELEMETRY_SDK_NAME,
      stable.ATTR_TELEMETRY_SDK_LANGUAGE,
      stable.ATTR_TELEMETRY_SDK_VERSION,
      stable.ATTR_TELEMETRY_DISTRO_NAME,
      all.ATTR_SERVICE_PEER_NAME,
      all.ATTR_SERVICE_PEER_NAMESPACE,
      all.ATTR_PEER_SERVICE,
      stable.ATTR_NETWORK_PEER_ADDRESS,
      stable.ATTR_NETWORK_PEER_PORT,
      stable.ATTR_NETWORK_PROTOCOL_NAME,
      all.ATTR_NETWORK_IO_DIRECTION,
      stable.ATTR_ERROR_TYPE,
    ],
  );
});

test('the schema is that of the installed package', () => {
  const installed = JSON.parse(
    readFileSync(
      new URL('../../node_modules/@opentelemetry/semantic-conventions/package.json', import.meta.url),
      'utf8',
    ),
  ) as { version: string };
  const minor = installed.version.split('.').slice(0, 2).join('.');
  assert.equal(scope.SCHEMA_URL, `https://opentelemetry.io/schemas/${minor}.0`);
});
