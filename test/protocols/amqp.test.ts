import { amqp } from '../../src/protocols/amqp/index.ts';
import { conform } from '../kit/conform.ts';
import { conversations } from './amqp-conversations.ts';

conform(amqp, conversations);
