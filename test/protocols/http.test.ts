import { http } from '../../src/protocols/http/index.ts';
import { conform } from '../kit/conform.ts';
import { conversations } from './http-conversations.ts';

conform(http, conversations);
