/** Tests speak English. */

import { en } from '../words/en';
import { speak } from '../words/spoken';

speak(en);
