import { mount } from 'svelte';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import App from './app/App.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('failed to find the place of the application');

mount(App, { target });
