import { mongodb } from '../../src/protocols/mongodb/index.ts';
import { conform } from '../kit/conform.ts';
import { conversations } from './mongodb-conversations.ts';

conform(mongodb, conversations);
