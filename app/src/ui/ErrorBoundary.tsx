/** What stands where a screen could not be drawn: what happened, and a way out. */

import { Component, type ReactNode } from 'react';

import { cause } from '../errors/explain';
import { forgetSettings } from '../state/storage';
import { t } from '../words';

interface Props {
  readonly children: ReactNode;
  /** What is drawn: when it changes, drawing is tried again. */
  readonly of?: string;
}

interface State {
  readonly error: unknown;
  readonly hasFailed: boolean;
}

/** Draws its children, or says why it cannot. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: undefined, hasFailed: false };

  static getDerivedStateFromError(error: unknown): State {
    return { error, hasFailed: true };
  }

  override componentDidUpdate({ of }: Props): void {
    if (this.state.hasFailed && of !== this.props.of) this.setState({ error: undefined, hasFailed: false });
  }

  override render() {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <div className="page narrow">
        <section className="card" role="alert">
          <h2>{t.errorBoundary.thisScreenCouldNotBe}</h2>
          <div className="stack">
            <p>{t.errorBoundary.somethingInTheAppWent(cause(this.state.error))}</p>
            <div className="row wrap">
              <button type="button" className="button primary" onClick={() => location.reload()}>
                {t.errorBoundary.loadThePageAnew}
              </button>
              <a className="button quiet" href="#/market" onClick={() => this.setState({ hasFailed: false })}>
                {t.errorBoundary.toTheMarket}
              </a>
              <button
                type="button"
                className="button quiet"
                onClick={() => {
                  forgetSettings();
                  location.assign(location.pathname);
                }}
              >
                {t.errorBoundary.forgetMySettingsAndBasket}
              </button>
            </div>
          </div>
        </section>
      </div>
    );
  }
}
