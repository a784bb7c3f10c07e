import { VERSION } from './version.ts';

/**
 * Attributes of the agent's own resource: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES apply to it and to nobody else.
 * `malformed`: the latter was left out. All that goes under it has the same attributes, or Prometheus had two `target_info` of
 * one instance, with which nothing can be joined.
 */
export function ownResource(
  agentId: string,
  env: Readonly<Record<string, string | undefined>>,
): { attributes: Record<string, string>; malformed: boolean } {
  const given = resourceAttributes(env.OTEL_RESOURCE_ATTRIBUTES ?? '');
  return {
    attributes: {
      'service.name': 'spantap',
      'service.version': VERSION,
      'service.instance.id': agentId,
      'telemetry.sdk.name': 'spantap',
      'telemetry.sdk.language': 'nodejs',
      'telemetry.sdk.version': VERSION,
      'telemetry.distro.name': 'spantap',
      ...given,
      ...(env.OTEL_SERVICE_NAME ? { 'service.name': env.OTEL_SERVICE_NAME } : {}),
    },
    malformed: given === null,
  };
}

/** One bad pair voids the whole variable (resource SDK specification); null then. */
function resourceAttributes(text: string): Record<string, string> | null {
  const out: Record<string, string> = {};
  for (const pair of text.split(',')) {
    if (pair.trim() === '') continue;
    const at = pair.indexOf('=');
    if (at < 1) return null;
    try {
      out[decodeURIComponent(pair.slice(0, at).trim())] = decodeURIComponent(pair.slice(at + 1).trim());
    } catch {
      return null;
    }
  }
  return out;
}
