import { http2 } from '../../src/protocols/http2/index.ts';
import { conform } from '../kit/conform.ts';
import { conversations } from './http2-conversations.ts';

conform(http2, conversations);
