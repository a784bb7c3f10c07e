export { addressText, endpointText } from '../bytes/address.ts';
