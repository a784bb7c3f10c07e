import { kafka } from '../../src/protocols/kafka/index.ts';
import { conform } from '../kit/conform.ts';
import { conversations } from './kafka-conversations.ts';

conform(kafka, conversations);
