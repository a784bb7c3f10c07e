import { tls } from '../../src/protocols/tls/index.ts';
import { conform } from '../kit/conform.ts';
import { conversations } from './tls-conversations.ts';

conform(tls, conversations);
